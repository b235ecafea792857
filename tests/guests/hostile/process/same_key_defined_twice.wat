;; Two names for one key, and a set by each.
    (data (i32.const 2048) "test.othertest.otheronetwo")
    (func $attack (result i32)
      (call $edit (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 10))
      (call $edit (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 20))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0x80000000) (i32.const 23))
      (call $edit (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0x80000001) (i32.const 26))
      (call $answer (i32.const 2048) (i32.const 26)))
