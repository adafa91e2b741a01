"""The public catalog: pages for people, in four languages, without a line of script."""
