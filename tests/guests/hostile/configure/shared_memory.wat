    (memory $shared 1 1 shared)
    (func (export "configure") (param i32 i32) (result i32) (call $on_trigger))
