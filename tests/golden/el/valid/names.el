/* any script */ SER(创建订单, PAR(a.tag(currChainId)))
