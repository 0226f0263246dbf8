"""What `habitus tap` adds to a call, over stdio and over HTTP."""
