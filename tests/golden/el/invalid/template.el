THEN(a, {{middle}}, c)
