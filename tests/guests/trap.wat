    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
    (func (export "process") (param i32 i64 i32 i32 i32 i32) (result i32) (unreachable))
