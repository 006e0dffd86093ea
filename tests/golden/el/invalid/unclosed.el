THEN(a,
  WHEN(b, c
