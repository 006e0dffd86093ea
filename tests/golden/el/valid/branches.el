IF(x, a)
  .ELIF(y, THEN(b, c))
  .ELSE(d)
  .id("choice")
