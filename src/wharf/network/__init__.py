"""Networks, endpoints and addresses."""
