"""What people see: galaxies live in a notebook cell, drawn by the browser from the flux that the kernel sends."""
