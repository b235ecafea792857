    (data (i32.const -4) "static data")
    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
