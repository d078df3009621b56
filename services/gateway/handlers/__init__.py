"""HTTP in and out, one module for each noun: they translate, they do not decide."""
