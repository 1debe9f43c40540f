"""The pages: server-rendered, a URL for every state, a JSON twin of each; speaks to app and core only."""
