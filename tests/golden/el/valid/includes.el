THEN(outer.tag("first"), sub)
