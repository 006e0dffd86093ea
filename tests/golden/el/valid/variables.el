// copies
both = WHEN(a, b).id("both");
label = 'v' + "ip"
step = c.tag(label)
THEN(both, step, step.tag("plain"), both.tag("again"))
