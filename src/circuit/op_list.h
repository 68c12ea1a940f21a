/* One line per operator: DBSP_OP(name).  The class is dbsp_op_<name>, in op_<name>.c. */
DBSP_OP(source)
DBSP_OP(filter)
DBSP_OP(project)
DBSP_OP(join)
DBSP_OP(union)
DBSP_OP(aggregate)
DBSP_OP(sink)
