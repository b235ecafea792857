    (func (export "configure") (param i32 i32) (result i32)
      (drop (call $on_trigger))
      (i32.store (i32.const 136) (i32.const 0))
      (i32.const 128))
