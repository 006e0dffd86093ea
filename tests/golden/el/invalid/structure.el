pick = SWITCH(s);
THEN(
  WHEN(PRE(a), b, FINALLY(c)),
  IF(x, AND(x, y), PRE(a)),
  pick,
  WHILE(x).BREAK(y),
  FOR(3).retry(2))
