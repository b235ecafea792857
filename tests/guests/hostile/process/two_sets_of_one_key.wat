;; The later one counts.
    (data (i32.const 2048) "onetwo")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 257) (i32.const 3))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 257) (i32.const 6))
      (call $answer (i32.const 2048) (i32.const 6)))
