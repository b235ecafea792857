    (memory $large 65536)
    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
