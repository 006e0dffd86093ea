SWITCH(node("chooser").tag("t")).TO(node("first"), NODE("b")).DEFAULT(node("last").retry(2));
