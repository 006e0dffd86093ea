THEN(a.data("inner"), IF(x, b).data("branch").ELSE(c), WHEN(d.data("kept by the outer"), sub).data("outer"), sub, sub.data("here"))
