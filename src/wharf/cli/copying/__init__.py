"""`cp`: what a path means at either end, archives made of local files, and archives made into them."""
