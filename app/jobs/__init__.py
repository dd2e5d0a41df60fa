"""Jobs: the queue, the workflow that walks the way of a table, and the children that do its stages."""
