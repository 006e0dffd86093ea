THEN(a, ordr, supb, lost, nosuch)
