"""Our own API: what was found and what is kept, page by page, and what people say of it."""
