"""What findings have in common: attributes, patterns of them, and which patterns are benign enough to be hidden."""
