;; Severity 25: there are 24.
    (data (i32.const 2048) "\19\00\00\00\00\00\00\00")
    (func $attack (result i32)
      (call $edit (i32.const 4) (i32.const 3) (i32.const 2) (i32.const 36) (i32.const 8))
      (call $answer (i32.const 2048) (i32.const 8)))
