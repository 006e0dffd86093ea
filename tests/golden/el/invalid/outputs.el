THEN(needsA, WHEN(a, needsA), WHEN(a, a), mayHaveA, asks)
