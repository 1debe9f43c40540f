"""The part of Elasticsearch's API that is answered here."""
