    (func (export "configure") (param i32 i32) (result i32)
      (drop (call $interest (i32.const 4) (i32.const 0)))
      (i32.store (i32.const 140) (i32.const -64))
      (i32.const 128))
