;; A list of extensions that no memory can hold.
    (func (export "configure") (param i32 i32) (result i32)
      (drop (call $on_trigger))
      (i32.store (i32.const 160) (i32.const 2048))
      (i32.store (i32.const 164) (i32.const -1))
      (i32.const 128))
