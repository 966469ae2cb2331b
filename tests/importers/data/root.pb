
2
xPlaceholder*
shape
:*
dtype0
0
MatrixSquareRootMatrixSquareRootx*
T0
/
IdentityIdentityMatrixSquareRoot*
T0"ª