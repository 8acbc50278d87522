"""The overview page's drawings and tables, and the page that says why a model was released."""
