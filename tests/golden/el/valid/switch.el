SWITCH(s.tag("how"))
    .TO(a, b.tag("vip").retry(1), THEN(a, b).id("both").maxWaitSeconds(3))
    .TO(sub.tag("shared"), WHEN(c, d))
    .DEFAULT(CATCH(d))
    .id("choice").tag("t");
