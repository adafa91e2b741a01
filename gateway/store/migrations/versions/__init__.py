"""One file for each step, named by its place; a step that was released is never changed."""
