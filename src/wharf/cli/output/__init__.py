"""How answers are printed: tables, sizes, times, and templates over them."""
