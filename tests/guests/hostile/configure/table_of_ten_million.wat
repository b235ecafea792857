    (table $large 10000000 funcref)
    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
