"""To and from what other libraries call a tool."""
