/** Door of @millrace/broker: what users import. */
export {}
