"""The report: one versioned JSON document, the page that renders it, and the charts on that page."""
