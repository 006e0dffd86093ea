THEN(FOR(2).DO(a).DO(b), CATCH(a).DO(b).DO(c), SWITCH(s).DEFAULT(a).DEFAULT(b), FOR(n).DO(a).BREAK(x).BREAK(y))
