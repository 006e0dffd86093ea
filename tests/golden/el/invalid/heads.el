THEN(
  s, n, it,
  IF(s, a), IF(x.retry(1), a),
  SWITCH(x).TO(a), FOR("2").DO(a), ITERATOR(n).DO(x),
  WHILE(THEN(a)).DO(a).BREAK(sub))
