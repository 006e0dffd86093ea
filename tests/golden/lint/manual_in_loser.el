WHEN(ask, look).any(true)
