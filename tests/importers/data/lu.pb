
2
xPlaceholder*
shape
:*
dtype0
+
LuLux*
T0*
output_idx_type0
!
IdentityIdentityLu*
T0"ª