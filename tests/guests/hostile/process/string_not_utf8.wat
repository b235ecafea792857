;; A string that is none.
    (data (i32.const 2048) "\f0\28\8c\bc")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 257) (i32.const 4))
      (call $answer (i32.const 2048) (i32.const 4)))
