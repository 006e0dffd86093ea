THEN(WHEN(all, key), FOR(9).parallel(true).DO(all2))
