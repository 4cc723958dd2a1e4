"""InfoLens: rows in, judged models out, and every successor taken back by itself when it is worse."""
