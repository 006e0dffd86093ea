first = THEN(a b);
THEN(a,, c).tag;
WHEN(a, @, "open
