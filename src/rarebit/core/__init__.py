"""Words without numbers: definitions, results, fields, times and errors that every room shares."""
