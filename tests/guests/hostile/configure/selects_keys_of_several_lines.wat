;; Selects a key that is made to look like lines of `weir plugin inspect`.
    (data (i32.const 2048) "key\0aforged:    runs it\0d\1b[2J\e2\80\a8")
    (func (export "configure") (param i32 i32) (result i32)
      (call $selector (i32.const 0) (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 2048) (i32.const 30))
      (call $interest (i32.const 1) (i32.const 0)))
