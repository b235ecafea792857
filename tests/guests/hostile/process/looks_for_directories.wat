;; Tells how many directories it sees.
    (func $attack (result i32)
      (call $directories (i32.const 32))
      (call $tell (i32.load (i32.const 36))))
