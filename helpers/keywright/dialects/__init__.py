"""How each client speaks. A dialect only translates: pure text in, pure text out, no file, no network, no clock."""
